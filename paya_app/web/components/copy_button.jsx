// A button that copies a text and says so.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";
import { Check, Copy } from "lucide-react";

const SAID_MS = 3_000;

export function CopyButton({ text, label }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(""), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () =>
    Promise.resolve(navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
      () => setSaid("Copied"),
      () => setSaid("Select it to copy"),
    );
  return jsx(
    "span",
    { className: "inline-flex items-center gap-1" },
    jsx("span", { className: "s m", role: "status" }, said),
    jsx(
      "button",
      { type: "button", className: "iconbtn m-0!", onClick: copy, "aria-label": label },
      jsx(said === "Copied" ? Check : Copy, { size: 18, strokeWidth: 1.9, "aria-hidden": true }),
    ),
  );
}
