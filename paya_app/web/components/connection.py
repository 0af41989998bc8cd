"""Whether the browser is cut off from the network."""

import reflex as rx
from reflex.vars import VarData
from reflex_base.utils.imports import ImportVar
from reflex_base.vars.number import BooleanVar

_LIBRARY = rx.asset("connection.jsx", shared=True).importable_path

is_offline = rx.Var(
    "isOffline",
    _var_data=VarData(
        imports={_LIBRARY: [ImportVar(tag="useOffline")]}, hooks={"const isOffline = useOffline();": None}
    ),
).to(BooleanVar)
