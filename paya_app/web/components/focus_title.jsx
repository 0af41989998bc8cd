// Puts the keyboard and the screen reader at the page's title once `when` is true: where a page came by itself, what
// they were at is gone.
import { useEffect } from "react";

export function FocusTitle({ when }) {
  useEffect(() => {
    if (when) document.querySelector("main h1")?.focus();
  }, [when]);
  return null;
}
