"""The amount and its keys, shared by the forms that ask for one."""

import reflex as rx

# The forms import it by this path: `$/public/external/paya_app/web/components/keypad/keypad.jsx`.
KEYPAD = rx.asset("keypad.jsx", shared=True).importable_path
