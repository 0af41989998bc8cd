// A time zone in a form: what was kept, or the browser's own.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";
import { ChevronDown } from "lucide-react";

const zoneHere = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const zones = (chosen) => [...new Set([chosen, zoneHere(), "UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])])];

export function ZoneField({ name, label, zone }) {
  const [chosen, setChosen] = useState(zone || zoneHere());
  useEffect(() => {
    if (zone) setChosen(zone);
  }, [zone]);
  return jsx(
    "div",
    { className: "min-w-0" },
    jsx("label", { className: "label", htmlFor: name }, label),
    jsx(
      "div",
      { className: "relative" },
      jsx(
        "select",
        { id: name, name, className: "field appearance-none pr-10! truncate", value: chosen, onChange: (event) => setChosen(event.target.value) },
        zones(chosen).map((each) => jsx("option", { key: each, value: each }, each.replaceAll("_", " "))),
      ),
      jsx(ChevronDown, { size: 20, className: "absolute right-3 top-4 m pointer-events-none", "aria-hidden": true }),
    ),
  );
}
