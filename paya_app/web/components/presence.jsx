// Keeps the document's `in` class true: set by the server for the first paint, settled here once it is known.
// A page that was gone to, not opened, gets the focus too: what had it on the page before is no longer there.
import { useEffect } from "react";

const pathOf = (address) => new URL(address, location.href).pathname;
const opened = () => performance.getEntriesByType("navigation")[0]?.name;
let pagesShown = 0;

export function Presence({ phase }) {
  useEffect(() => {
    if (phase) document.documentElement.classList.toggle("in", phase !== "out");
  }, [phase]);
  useEffect(() => {
    pagesShown += 1;
    const isOpened = pagesShown === 1 && opened() && pathOf(opened()) === location.pathname;
    const place = document.activeElement;
    if (!isOpened && (!place || place === document.body)) {
      document.getElementById("content")?.focus({ preventScroll: true });
    }
  }, []);
  return null;
}
