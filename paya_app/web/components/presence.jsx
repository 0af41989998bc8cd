// Keeps the document's `in` class true: set by the server for the first paint, settled here once it is known.
import { useEffect } from "react";

export function Presence({ phase }) {
  useEffect(() => {
    if (phase) document.documentElement.classList.toggle("in", phase !== "out");
  }, [phase]);
  return null;
}
