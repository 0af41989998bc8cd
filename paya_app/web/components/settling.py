"""What sheets and the buttons in them share in the browser: whether a sheet has only just opened, keys held down."""

import reflex as rx

# brought to the front end for the components that import it
SETTLING = rx.asset("settling.jsx", shared=True)
