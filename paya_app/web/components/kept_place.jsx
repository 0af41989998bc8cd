// The place of what an answer may bring: until it has come, as high as it was here last time, so that nothing below jumps.
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";

// In the document as it comes, before the first paint; React runs no script that it makes itself.
const early = (key) =>
  `try{document.currentScript.previousElementSibling.style.minHeight=(+localStorage.getItem("${key}")||0)+"px"}catch{}`;

export function KeptPlace({ name, ready, children }) {
  const place = useRef(null);
  const [height, setHeight] = useState(0);
  const key = `paya-height-${name}`;
  useLayoutEffect(() => {
    try {
      setHeight(Number(localStorage.getItem(key)) || 0);
    } catch {
      // nothing is kept where storage is forbidden
    }
  }, [key]);
  useEffect(() => {
    if (!ready || !place.current) return;
    try {
      localStorage.setItem(key, String(place.current.offsetHeight));
    } catch {
      // as above
    }
  });
  // flow-root: the margin of what stands in it is part of its height
  const style = ready ? undefined : { minHeight: height };
  return [
    jsx("div", { key: "place", ref: place, className: "flow-root", style, suppressHydrationWarning: true }, children),
    jsx("script", { key: "early", dangerouslySetInnerHTML: { __html: early(key) } }),
  ];
}
