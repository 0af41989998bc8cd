// An amount from or to the bank: common ones at a tap, any other by key. What cannot be is said before the review.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Keys, Sum, Under, centsOf, dollarsOf, full, isPositive, useAmount } from "$/public/external/paya_app/web/components/keypad/keypad.jsx";
import { ignoreHeld } from "$/public/external/paya_app/web/components/settling/settling.jsx";
import { When } from "$/public/external/paya_app/web/components/when/when.jsx";

const COMMON = ["25", "50", "100"];

export function AmountForm({ hint, fault, leastCents, mostCents, allCents, moreAt, mostWords, fullWords, emptyWords, onReview }) {
  const [amount, onKey, setAmount] = useAmount("");
  const [asked, setAsked] = useState("");
  const cents = centsOf(amount);
  const isFull = mostCents < leastCents;
  let warning = null;
  if (isFull) {
    warning = [fullWords, moreAt && jsx(When, { key: "at", at: moreAt, form: "day", prefix: " More from " }), moreAt && "."];
  } else if (cents > mostCents) {
    warning = mostWords.replace("{}", dollarsOf(mostCents));
  } else if (cents > 0 && cents < leastCents) {
    warning = `The least is ${dollarsOf(leastCents)}.`;
  }
  const canReview = isPositive(amount) && !warning;
  const review = () => {
    setAsked(amount);
    onReview?.(full(amount));
  };
  // Enter after an amount that was typed anywhere on the page goes on, as in any form; on what can be pressed, it presses that
  const enter = useRef(null);
  enter.current = canReview ? review : null;
  useEffect(() => {
    const typed = (event) => {
      if (event.key !== "Enter" || event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.target.closest?.("a, button, input, textarea, select, [role=dialog]")) return;
      event.preventDefault();
      enter.current?.();
    };
    window.addEventListener("keydown", typed);
    return () => window.removeEventListener("keydown", typed);
  }, []);
  const isNew = Boolean(warning) && asked !== amount; // the fault was about another amount
  return jsx(
    "div",
    {},
    jsx(Sum, { amount, id: "add-amount" }),
    jsx(Under, { fault: isNew ? "" : fault, warning: isNew || !fault ? warning : null }, hint),
    jsx(
      "div",
      { className: "flex flex-wrap justify-center gap-2", role: "group", "aria-label": "Common amounts" },
      COMMON.map((dollars) =>
        jsx(
          "button",
          {
            key: dollars,
            type: "button",
            className: "sec2 low num whitespace-nowrap",
            disabled: centsOf(dollars) > mostCents,
            onClick: () => setAmount(dollars),
          },
          "$" + dollars,
        ),
      ),
      allCents > 0 &&
        jsx(
          "button",
          { type: "button", className: "sec2 low num whitespace-nowrap", onClick: () => setAmount((allCents / 100).toFixed(2)) },
          "All of it",
        ),
    ),
    jsx(Keys, { onKey, disabled: isFull }),
    jsx(
      "button",
      {
        type: "button",
        id: "review",
        className: "pri num",
        disabled: !canReview,
        onKeyDown: ignoreHeld,
        onClick: review,
      },
      isPositive(amount) ? `Review ${full(amount)}` : isFull ? emptyWords : "Enter an amount",
    ),
  );
}
