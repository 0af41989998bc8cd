// A button for what must not look done before the server says so: busy from the press until `settled` changes.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";

export function Busy({ label, busyLabel, settled, onPress, disabled, className, id }) {
  const [pressed, setPressed] = useState(false);
  const seen = useRef(settled);
  useEffect(() => {
    if (seen.current !== settled) {
      seen.current = settled;
      setPressed(false);
    }
  }, [settled]);
  const press = () => {
    if (pressed || disabled) return;
    setPressed(true);
    onPress?.();
  };
  return jsx(
    "button",
    { id, type: "button", className, disabled, "aria-disabled": pressed, "aria-busy": pressed, onClick: press },
    jsx("span", { "aria-live": "polite" }, pressed ? busyLabel : label),
  );
}
