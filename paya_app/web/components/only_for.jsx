// What belongs to one address alone: until the page's state is about it, bones are drawn. The address changes at once,
// the state only when the server has answered, and in between it is about the address before.
import { Children } from "react";
import { useParams } from "react-router";

const CHARACTERS_MAX = 64; // the server keeps no more of an address

export function OnlyFor({ segment, shown, children }) {
  const wanted = [...(useParams()[segment] || "")].slice(0, CHARACTERS_MAX).join("");
  const [content, bones] = Children.toArray(children);
  return wanted && wanted === shown ? content : bones;
}
