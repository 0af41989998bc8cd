// A sheet over the page. What was meant for the page below must not land on it: for a moment it takes no press, a
// key held down presses nothing, and the focus begins on its title, not on its action.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Dialog } from "@base-ui/react";
import { Settling, ignoreHeld, swallow } from "$/public/external/paya_app/web/components/settling/settling.jsx";

const SETTLES_MS = 700; // the second half of a double tap comes within this

export function Sheet({ title, open, onOpenChange, children }) {
  const heading = useRef(null);
  const [isSettling, setSettling] = useState(true);
  useEffect(() => {
    if (!open) return undefined;
    const settled = setTimeout(setSettling, SETTLES_MS, false);
    return () => {
      clearTimeout(settled);
      setSettling(true);
    };
  }, [open]);
  const change = (wanted, { reason }) => {
    if (!wanted && isSettling && reason === "outside-press") return;
    onOpenChange?.(wanted);
  };
  return jsx(
    Dialog.Root,
    { open, onOpenChange: change },
    jsx(
      Dialog.Portal,
      {},
      jsx(Dialog.Backdrop, { className: "veil" }),
      jsx(
        Dialog.Popup,
        {
          className: "sheet",
          initialFocus: heading,
          onClickCapture: (event) => isSettling && swallow(event),
          onKeyDownCapture: ignoreHeld,
        },
        jsx(Dialog.Title, { ref: heading, tabIndex: -1, className: "text-center text-base font-semibold mb-4 rounded-lg" }, title),
        jsx(Settling.Provider, { value: isSettling }, children),
      ),
    ),
  );
}
