"""Who the demo people are, and what they pay each other for. Their numbers are fictitious (555-01xx)."""

CAST = (
    ("maya", "Maya Okafor"), ("devpatel", "Dev Patel"), ("lena_s", "Lena Sørensen"), ("auntrosa", "Aunt Rosa"),
    ("jun_b", "Jun Barros"), ("fridge", "Community Fridge"), ("tess", "Tess Wynn"), ("ivo_h", "Ivo Hale"),
    ("priya_k", "Priya Kaur"), ("noor", "Noor Haddad"), ("cal_e", "Cal Ekström"), ("mina", "Mina Cho"),
    ("theo_v", "Theo Vance"), ("amara", "Amara Diallo"), ("wes", "Wes Tanaka"), ("ines", "Inés Marín"),
    ("oscar_q", "Oscar Quist"), ("dalia", "Dalia Roth"), ("ken_a", "Ken Abara"), ("suki", "Suki Mori"),
    ("pablo_r", "Pablo Rey"), ("greta", "Greta Lund"), ("hana_b", "Hana Botros"), ("eli_w", "Eli Warren"),
    ("zofia", "Zofia Nowak"), ("marcus_t", "Marcus Tate"), ("leila", "Leila Farah"), ("bram", "Bram de Wit"),
    ("yara", "Yara Costa"), ("finn_m", "Finn Mallory"),
)  # fmt: skip

# identity/phones.py keeps these numbers from everybody else
NUMBERS = tuple(f"+121255501{place:02}" for place in range(len(CAST)))

NOTES = (
    "tacos, round two", "the good olive oil", "stock for the fridge, thank you all", "vinyl, no scratches this time",
    "guitar lesson", "ferry tickets", "half the groceries", "museum on Sunday", "plants for the stairwell",
    "bike tune-up", "birthday cake fund", "movie night", "the window seat", "ramen was worth the wait",
    "seeds and soil", "printer paper, again", "pottery class", "coffee beans", "babysitting till ten",
    "camp site, two nights", "the blue lamp", "phone screen", "bread and more bread", "laundry quarters",
    "team shirts", "dog walking, week 3", "rain jacket", "piano tuner", "lunch, my turn next", "library late fee",
)  # fmt: skip
