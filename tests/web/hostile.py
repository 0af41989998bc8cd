"""What every field is tried with."""

TEXTS = {
    "empty": "",
    "zero": "0",
    "negative": "-1",
    "three decimals": "1.001",
    "huge": "1e308",
    "nan": "NaN",
    "infinity": "Infinity",
    "comma decimals": "1,00",
    "arabic digits": "١٢",
    "beyond bigint": "9" * 40,
    "nul": "a\x00b",
    "right to left": "abc\u202edef",
    "markup": "<script>alert(1)</script>",
    "sql": "'; drop table public.payments; --",
    "emoji": "🌮👩‍👩‍👧",
    "lone surrogate": "\ud800",
    "long": "x" * 20_000,
}
SHAPES = {"null": None, "number": 1, "float": 1.5, "true": True, "list": ["a"], "object": {"a": {"b": 1}}}
