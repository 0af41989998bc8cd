// The amount, the note and who sees it. All of it lives in the browser; the server gets it for review and checks
// every bit again. A draft is kept for the page's payment id until the tab closes.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Globe, Lock } from "lucide-react";
import { Link } from "react-router";
import { Keys, Sum, Under, centsOf, clean, dollarsOf, full, isPositive, useAmount } from "$/public/external/paya_app/web/components/keypad/keypad.jsx";
import { ignoreHeld } from "$/public/external/paya_app/web/components/settling/settling.jsx";

const NOTE_MAX = 280;
const NOTE_LEFT_SHOWN = 60;

const restore = (key) => {
  try {
    return JSON.parse(sessionStorage.getItem(key)) || {};
  } catch {
    return {};
  }
};

// A new payment begins empty and private. Only after a refusal does the new id go on with what was typed.
export function PayForm(props) {
  const at = useRef({ draft: props.draft, key: props.draft });
  if (at.current.draft !== props.draft) {
    at.current = { draft: props.draft, key: props.fault ? at.current.key : props.draft };
  }
  return jsx(Draft, { ...props, key: at.current.key });
}

function Draft({ draft, to, amount: givenAmount, note: givenNote, limits, fault, availableCents, name, onReview }) {
  const store = `paya-draft-${draft}`;
  const [kept] = useState(() => restore(store));
  const [amount, onKey] = useAmount(kept.amount ?? clean(givenAmount));
  const [note, setNote] = useState(kept.note ?? (givenNote || "").slice(0, NOTE_MAX));
  const [audience, setAudience] = useState(kept.audience ?? "private");

  useEffect(() => {
    try {
      sessionStorage.setItem(store, JSON.stringify({ amount, note, audience }));
    } catch {
      // a full or forbidden storage costs the draft, nothing else
    }
  }, [store, amount, note, audience]);

  const [asked, setAsked] = useState("");
  const isOver = centsOf(amount) > availableCents;
  const isNew = isOver && asked !== amount; // the fault was about another amount
  const warning = isOver && (isNew || !fault) && [
    `You have ${dollarsOf(availableCents)}. `,
    jsx(Link, { key: "add", to: "/add/", className: "link hit" }, "Add money"),
    " or send less.",
  ];
  const left = NOTE_MAX - [...note].length;
  const choice = (value, Sign, text) =>
    jsx(
      "button",
      { type: "button", "aria-pressed": audience === value, onClick: () => setAudience(value) },
      jsx(Sign, { size: 18, strokeWidth: 1.9, "aria-hidden": true }),
      text,
    );

  return jsx(
    "div",
    { id: "pay-form" },
    jsx(Sum, { amount, id: "pay-amount" }),
    jsx(Under, { fault: isNew ? "" : fault, warning }, limits),
    jsx("label", { htmlFor: "note", className: "sr-only" }, "What is it for?"),
    jsx("textarea", {
      id: "note",
      name: "note",
      rows: 1,
      className: "field",
      placeholder: "What is it for?",
      value: note,
      "aria-describedby": "note-left",
      "aria-invalid": left < 0,
      onChange: (event) => setNote(event.target.value.replace(/\n/g, " ")),
    }),
    jsx(
      "p",
      { id: "note-left", className: "left num" },
      left <= NOTE_LEFT_SHOWN && jsx("span", { className: left < 0 ? "over" : "" }, left < 0 ? `${-left} too many` : `${left} left`),
    ),
    jsx(
      "div",
      { className: "seg", role: "group", "aria-label": "Who sees it" },
      choice("private", Lock, "Private"),
      choice("public", Globe, "Public"),
    ),
    jsx(
      "p",
      { className: "s m text-center mt-2", "aria-live": "polite" },
      audience === "public" ? `Everyone sees names and note (no amount), if ${name} allows.` : "Only the two of you see it.",
    ),
    jsx(Keys, { onKey }),
    jsx(
      "button",
      {
        type: "button",
        id: "review",
        className: "pri num",
        disabled: !isPositive(amount) || isOver || left < 0,
        onKeyDown: ignoreHeld,
        onClick: () => {
          setAsked(amount);
          onReview?.({ to_id: to, amount: full(amount), note, audience });
        },
      },
      isPositive(amount) ? `Review ${full(amount)} to ${name}` : "Enter an amount",
    ),
  );
}
