// Whether a message is signed with a secret, checked here: nothing that is typed leaves the browser.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";
import { Unsure, checkSignature } from "$/public/external/paya_app/web/components/signature_check/signature.jsx";

const WHY = {
  yes: "Yes, this was signed with this secret.",
  no: "No, this was not signed with this secret.",
};

function age(seconds) {
  const [count, unit] = seconds < 120 ? [seconds, "second"] : seconds < 7200 ? [Math.round(seconds / 60), "minute"]
    : seconds < 172_800 ? [Math.round(seconds / 3600), "hour"] : [Math.round(seconds / 86_400), "day"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

async function verdictOn(secret, headers, body) {
  try {
    const { isRight, ageS, isOld } = await checkSignature(secret, headers, body, Date.now());
    if (!isRight) return { kind: "no", say: "Compare the secret, and take the body as it came: a space more is another text." };
    if (!isOld) return { kind: "yes", say: "" };
    return {
      kind: "yes",
      say: ageS > 0
        ? `It was signed ${age(ageS)} ago. A program refuses what is older than 5 minutes; each try is signed anew.`
        : "It is signed for a time to come: a program refuses that.",
    };
  } catch (error) {
    return { kind: "unsure", say: error instanceof Unsure ? error.message : "This browser could not check it." };
  }
}

const field = (id, label, props, tag = "textarea") =>
  jsx("div", { className: "mt-3" },
    jsx("label", { htmlFor: id, className: "label" }, label),
    jsx(tag, { id, className: "field", autoComplete: "off", spellCheck: false, ...props }));

export function SignatureCheck({ headers: givenHeaders, body: givenBody }) {
  const [secret, setSecret] = useState("");
  const [headers, setHeaders] = useState(givenHeaders);
  const [body, setBody] = useState(givenBody);
  const [verdict, setVerdict] = useState(null);
  useEffect(() => setHeaders(givenHeaders), [givenHeaders]);
  useEffect(() => setBody(givenBody), [givenBody]);
  const on = (set) => (event) => {
    set(event.target.value);
    setVerdict(null);
  };
  const check = async (event) => {
    event.preventDefault();
    setVerdict(await verdictOn(secret, headers, body));
  };
  return jsx("section", { className: "card p-4 mt-4", "aria-labelledby": "signature-title" },
    jsx("h2", { id: "signature-title" }, "Check a signature"),
    jsx("p", { className: "s m mt-1" }, "Checked in this browser: the secret is sent to nobody, not to us either."),
    jsx("form", { onSubmit: check },
      field("check-secret", "Secret", { value: secret, onChange: on(setSecret), type: "password", placeholder: "whsec_…" }, "input"),
      field("check-headers", "Headers, a line for each", { value: headers, onChange: on(setHeaders), rows: 3 }),
      field("check-body", "Body, as it came", { value: body, onChange: on(setBody), rows: 3 }),
      jsx("button", { type: "submit", className: "sec2 mt-3" }, "Check")),
    jsx("div", { role: "status" },
      verdict && jsx("div", { className: `notice mt-3 ${verdict.kind === "yes" ? "calm" : "warn"}`, id: "signature-verdict" },
        jsx("div", null, WHY[verdict.kind] ? jsx("b", null, `${WHY[verdict.kind]} `) : null, verdict.say))));
}
