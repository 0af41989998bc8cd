// An input whose value stays in this tab until it is accepted: a form that comes back with an error is still filled in.
import { useEffect, useRef } from "react";
import { jsx } from "@emotion/react";

export function RememberedInput({ name, ariaInvalid, ariaDescribedby, ...rest }) {
  const input = useRef(null);
  const key = `paya-${name}`;
  useEffect(() => {
    try {
      if (input.current && !input.current.value) input.current.value = sessionStorage.getItem(key) || "";
    } catch {
      // nothing is kept where storage is forbidden
    }
  }, [key]);
  const keep = (event) => {
    try {
      sessionStorage.setItem(key, event.target.value);
    } catch {
      // as above
    }
  };
  const said = { "aria-invalid": ariaInvalid, "aria-describedby": ariaDescribedby };
  return jsx("input", { ...rest, ...said, name, ref: input, onInput: keep });
}
