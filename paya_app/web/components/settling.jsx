// What sheets and the buttons in them share, apart from both: a button must not bring the sheet's library along to
// pages that have no sheet.
import { createContext, useContext } from "react";

export const Settling = createContext(false);

// Whether the sheet around has only just opened; false where there is none.
export const useSettling = () => useContext(Settling);

export const swallow = (event) => {
  event.preventDefault();
  event.stopPropagation();
};

// Held down, Enter and the space bar press again and again.
export const ignoreHeld = (event) => event.repeat && (event.key === "Enter" || event.key === " ") && swallow(event);
