// The number that a code was just texted to. It waits in a sealed cookie; the server alone can read it.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";

export function PendingPhone({ prefix, otherwise, ...rest }) {
  const [phone, setPhone] = useState("");
  useEffect(() => {
    let gone = false;
    fetch("/session/pending", { headers: { accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : {}))
      .then((pending) => gone || setPhone(pending.phone || ""))
      .catch(() => {});
    return () => {
      gone = true;
    };
  }, []);
  return jsx("span", rest, phone ? prefix + phone : otherwise);
}
