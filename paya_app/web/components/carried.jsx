// A hidden field with one value of the page's own address. The server knows the address too, but its word of it comes
// over the socket: whoever is faster than that sends the form without.
import { useSearchParams } from "react-router";
import { jsx } from "@emotion/react";

export function Carried({ name }) {
  const [query] = useSearchParams();
  return jsx("input", { type: "hidden", name, value: query.get(name) || "", readOnly: true });
}
