// The public head, live, and a place to check a receipt. Nothing of the receipt is sent anywhere.
import { useCallback, useEffect, useState } from "react";
import { jsx } from "@emotion/react";
import { When } from "$/public/external/paya_app/web/components/when/when.jsx";
import { Refused, checkReceipt, isHead, parseReceipt } from "$/public/external/paya_app/web/components/proof_board/receipt_check.jsx";

const ASK_EVERY_MS = 3000;
const ANSWER_MS = 10_000;
const FILE_BYTES_MAX = 100_000;
const HEAD = "/v1/proof/head";
const PLACE = {
  position: "relative", display: "grid", gap: 4, justifyItems: "center", textAlign: "center", marginTop: 12, padding: 24,
  borderRadius: 14, borderWidth: 2, borderStyle: "dashed", cursor: "pointer",
};
// over the whole place: so the focus ring and a press are the place's, and a dropped file is the input's own
const OVER_ALL = { position: "absolute", inset: 0, width: "100%", opacity: 0, cursor: "pointer" };

const count = new Intl.NumberFormat("en-US");
const dollars = (cents) => new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(cents / 100);

async function headAt(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(ANSWER_MS) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const head = await answer.json();
  if (!isHead(head)) throw new Error("no head");
  return head;
}

function useHead() {
  const [state, setState] = useState({ head: null, isStale: false });
  useEffect(() => {
    let timer;
    let isOver = false;
    const ask = async () => {
      try {
        const head = await headAt(HEAD);
        if (!isOver) setState({ head, isStale: false });
      } catch {
        if (!isOver) setState((before) => ({ ...before, isStale: true }));
      }
      if (!isOver) timer = setTimeout(ask, ASK_EVERY_MS);
    };
    ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, []);
  return state;
}

const row = (label, value) =>
  jsx("div", { key: label, className: "kv" }, jsx("span", { className: "m shrink-0" }, label), value);
const number = (value) => jsx("b", { className: "num" }, value === null ? "…" : count.format(value));

function Head() {
  const { head, isStale } = useHead();
  const value = (name) => (head ? head[name] : null);
  return jsx(
    "section",
    { className: "card mt-3", id: "head", "data-size": head ? head.size : undefined, "aria-labelledby": "head-title" },
    jsx("div", { className: "kv" },
      jsx("h2", { id: "head-title" }, "The public head"),
      jsx("span", { className: `chip ${isStale ? "warn" : head ? "pos" : ""}`, role: "status" },
        isStale ? "No answer" : head ? "Live" : "Asking …")),
    row("Payments and other transfers", number(value("transfer_count"))),
    row("Events", number(value("event_count"))),
    row("Seals", number(value("size"))),
    row("Newest seal", head && head.sealed_at ? jsx(When, { at: head.sealed_at, className: "num" }) : jsx("span", null, head ? "none yet" : "…")),
    jsx("p", { className: "kv m", style: { paddingBottom: 0 } }, "Fingerprint of everything sealed"),
    jsx("p", { className: "num s", id: "log-root", style: { padding: "4px 16px 14px", overflowWrap: "anywhere" } }, head ? head.log_root : "…"),
  );
}

async function verdictOn(file) {
  if (file.size > FILE_BYTES_MAX) return { kind: "no", say: "This file is too large to be a receipt of PaYa." };
  try {
    const receipt = parseReceipt(await file.text());
    let head = receipt.head;
    let isPublic = true;
    try {
      head = await headAt(`${HEAD}?size=${receipt.head.size}`);
    } catch {
      isPublic = false;
    }
    await checkReceipt(receipt, head);
    return { kind: isPublic ? "yes" : "partly", receipt, head };
  } catch (error) {
    if (error instanceof Refused) return { kind: "no", say: error.message };
    return { kind: "no", say: "This browser could not check it. Try again, or use another browser." };
  }
}

function Verdict({ verdict }) {
  if (verdict.kind === "no") {
    return jsx("div", { className: "notice warn mt-3", id: "verdict", "data-verdict": "no" },
      jsx("div", null, jsx("b", null, "No, this proves nothing. "), verdict.say));
  }
  const { receipt, head } = verdict;
  const { transfer, seal } = receipt;
  const checked = [
    `The payment of ${dollars(transfer.amount)} is hashed exactly as the file tells it.`,
    `It is covered by seal ${count.format(seal.n)}, at place ${count.format(receipt.index + 1)}.`,
    `Seal ${count.format(seal.n)} is in the log of ${count.format(head.size)} seals.`,
    verdict.kind === "yes"
      ? "The head in the file is the one that everybody sees."
      : "The public head could not be asked for: compare it yourself, or check again with a connection.",
  ];
  return jsx("div", { className: `notice mt-3 ${verdict.kind === "yes" ? "calm" : "warn"}`, id: "verdict", "data-verdict": verdict.kind },
    jsx("div", null,
      jsx("b", null, verdict.kind === "yes" ? "Yes, this payment is in the books as the file says." : "The file fits together."),
      jsx("p", { className: "s mt-1" }, "Made ", jsx(When, { at: new Date(transfer.at_us / 1000).toISOString() }), ". Checked here, in your browser:"),
      jsx("ul", { className: "s", style: { listStyle: "disc", padding: "4px 0 0 20px" } }, checked.map((line) => jsx("li", { key: line }, line)))));
}

function Check() {
  const [verdict, setVerdict] = useState(null);
  const [isOver, setIsOver] = useState(false);
  const check = useCallback(async (files) => {
    if (!files || !files.length) return;
    setVerdict({ kind: "waiting" });
    setVerdict(await verdictOn(files[0]));
  }, []);
  const drag = (over) => (event) => {
    event.preventDefault();
    setIsOver(over);
  };
  return jsx(
    "section",
    { className: "card p-4 mt-3", "aria-labelledby": "check-title" },
    jsx("h2", { id: "check-title" }, "Check a receipt"),
    jsx("label", {
      style: { ...PLACE, borderColor: isOver ? "var(--brand)" : "var(--line)" },
      onDragOver: drag(true),
      onDragLeave: drag(false),
      onDrop: (event) => {
        drag(false)(event);
        check(event.dataTransfer.files);
      },
    },
    jsx("b", null, "Drop the file here, or choose it"),
    jsx("span", { className: "s m" }, "paya-receipt-….json. It stays in this browser."),
    jsx("input", {
      type: "file", id: "receipt", accept: ".json,application/json", style: OVER_ALL,
      onChange: (event) => {
        check([...event.target.files]);
        event.target.value = "";
      },
    })),
    jsx("div", { role: "status" },
      verdict && verdict.kind === "waiting" ? jsx("p", { className: "s m mt-3" }, "Checking …") : null,
      verdict && verdict.kind !== "waiting" ? jsx(Verdict, { verdict }) : null),
  );
}

export function ProofBoard() {
  return jsx("div", null, jsx(Head), jsx(Check));
}
