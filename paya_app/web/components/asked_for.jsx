// Two children: what to draw while waiting, and what the server sent. The second shows only while it is what the
// page's address asks for: after a step to another address the old answer is still there for a moment.
import { jsx } from "@emotion/react";
import { useSearchParams } from "react-router";

export function AskedFor({ ready, currentId, formerId, to, children: [waiting, sent] }) {
  const [query] = useSearchParams();
  const asked = query.get("id") || "";
  const isIt = ready && asked !== "" && [currentId, formerId].includes(asked) && (query.get("to") || "") === (to || "");
  return isIt ? sent : waiting;
}
