// Why the session that this browser had is over. The server alone can read the cookie, and says it once.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";

export function Farewell(rest) {
  const [sentence, setSentence] = useState("");
  useEffect(() => {
    let gone = false;
    fetch("/session/farewell", { headers: { accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : {}))
      .then((said) => gone || setSentence(said.sentence || ""))
      .catch(() => {});
    return () => {
      gone = true;
    };
  }, []);
  return jsx("div", { role: "status" }, sentence ? jsx("p", rest, sentence) : null);
}
