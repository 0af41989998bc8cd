// A button for what must not look done before the server says so: busy from the press until `settled` changes.
// In a sheet that has just opened it waits for a moment; as a form's own button it is pressed by the form.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { ignoreHeld, useSettling } from "$/public/external/paya_app/web/components/settling/settling.jsx";

const LONG_MS = 3000;

export function Busy({ label, busyLabel, longLabel, settled, onPress, type = "button", className, id }) {
  const [isPressed, setPressed] = useState(false);
  const [isLong, setLong] = useState(false);
  const isWaiting = useSettling();
  const button = useRef(null);
  const pressed = useRef(false); // a second press may come before the first is painted
  const seen = useRef(settled);
  const set = (value) => {
    pressed.current = value;
    setPressed(value);
  };
  useEffect(() => {
    if (seen.current === settled) return;
    seen.current = settled;
    set(false);
  }, [settled]);
  useEffect(() => {
    if (!isPressed || !longLabel) return undefined;
    const timer = setTimeout(setLong, LONG_MS, true);
    return () => {
      clearTimeout(timer);
      setLong(false);
    };
  }, [isPressed, longLabel]);
  useEffect(() => {
    const form = type === "submit" ? button.current?.form : null;
    if (!form) return undefined;
    const submitted = (event) => {
      if (pressed.current) {
        event.preventDefault();
        event.stopImmediatePropagation();
      } else {
        set(true);
      }
    };
    form.addEventListener("submit", submitted);
    return () => form.removeEventListener("submit", submitted);
  }, [type]);
  const press = () => {
    if (pressed.current || isWaiting) return;
    set(true);
    onPress?.();
  };
  const it = jsx(
    "button",
    {
      ref: button,
      id,
      type,
      className,
      "aria-disabled": isPressed || isWaiting,
      "aria-busy": isPressed,
      onClick: type === "button" ? press : undefined,
      onKeyDown: ignoreHeld,
    },
    jsx("span", { "aria-live": "polite" }, isPressed ? busyLabel : label),
  );
  if (!longLabel) return it;
  const long = isLong && jsx("p", { className: "s m text-center mt-2" }, longLabel);
  return jsx("div", {}, it, jsx("div", { role: "status" }, long));
}
