"""The picker's pages: plain HTML that needs no script, plainly labelled as a stand-in."""

from html import escape

from paya_app.local.vendors.plaid.institutions import INSTITUTIONS, Account

_STYLE = """
:root{color-scheme:light dark;--bg:#eef1f0;--card:#fff;--ink:#14201d;--muted:#52615d;--line:#c9d3d0;--go:#0f5f4c;
--on:#fff;--bad:#b42318;--note:#e4f0ec}
@media (prefers-color-scheme:dark){:root{--bg:#0e1513;--card:#17211e;--ink:#eef4f2;--muted:#a3b3ae;--line:#35443f;
--go:#7fd8bd;--on:#0e1513;--bad:#ff8a7a;--note:#1d2d28}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:16px/24px system-ui,sans-serif;
min-height:100vh;display:grid;place-items:center;padding:16px}main{background:var(--card);border-radius:16px;
width:100%;max-width:420px;overflow:hidden;border:1px solid var(--line)}.tag{background:var(--note);padding:10px 24px;
font-size:13px;line-height:18px;color:var(--muted)}.in{padding:24px;display:grid;gap:16px}h1{font-size:22px;
line-height:28px;margin:0}p{margin:0}.m{color:var(--muted)}form{display:grid;gap:12px;margin:0}label{display:grid;
gap:4px;font-weight:600;font-size:14px}input[type=text],input[type=password]{font:inherit;padding:12px;border-radius:12px;
border:1px solid var(--muted);background:transparent;color:inherit;width:100%}button{font:inherit;font-weight:600;
min-height:48px;border-radius:12px;border:1px solid var(--line);background:transparent;color:inherit;padding:10px 16px;
cursor:pointer;text-align:left}button.go{background:var(--go);color:var(--on);border-color:var(--go);text-align:center}
button.quiet{border-color:transparent;color:var(--muted);text-align:center}button small{display:block;font-weight:400;
color:var(--muted);padding-bottom:8px}button.two{padding-top:8px}:focus-visible{outline:3px solid var(--go);
outline-offset:2px}.bad{color:var(--bad);font-weight:600}a{color:var(--go)}
"""
_TAG = "Stand-in bank on this machine. No real bank is asked, and no real money moves."


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)} · stand-in bank</title><style>{_STYLE}</style></head>"
        f'<body><main><p class="tag">{_TAG}</p>'
        f'<div class="in"><h1>{escape(title)}</h1>{body}</div></main></body></html>'
    )


def _fault(text: str) -> str:
    return f'<p class="bad" role="alert">{escape(text)}</p>' if text else ""


_CANCEL = '<form method="post"><button class="quiet" name="cancel" value="1">Cancel and go back</button></form>'


def institutions(fault: str) -> str:
    """Which bank."""
    rows = "".join(
        f'<button name="institution" value="{key}">{escape(name)}</button>'
        for key, name in INSTITUTIONS.items()
        if key != "ins_43"
    )
    return _page("Choose your bank", f'{_fault(fault)}<form method="post">{rows}</form>{_CANCEL}')


def credentials(bank: str, fault: str, *, may_go_back: bool) -> str:
    """User name and password."""
    back = '<button class="quiet" name="back" value="1">Choose another bank</button>' if may_go_back else ""
    back = f'<form method="post">{back}</form>' if back else ""
    fields = (
        '<label>User name<input type="text" name="username" autocomplete="off" autocapitalize="none" required></label>'
        '<label>Password<input type="password" name="password" autocomplete="off" required></label>'
        '<button class="go">Sign in</button>'
    )
    hint = (
        '<p class="m">Test values: <b>user_good</b> and <b>pass_good</b>. With <b>mfa_device</b> a code is asked.</p>'
    )
    return _page(f"Sign in to {bank}", f'{_fault(fault)}<form method="post">{fields}</form>{hint}{back}{_CANCEL}')


def code(bank: str, fault: str) -> str:
    """The code that the bank texted."""
    fields = (
        '<label>Code<input type="text" name="code" inputmode="numeric" autocomplete="one-time-code" required></label>'
        '<button class="go">Confirm</button>'
    )
    hint = '<p class="m">Test value: <b>1234</b>.</p>'
    return _page(f"{bank} sent you a code", f'{_fault(fault)}<form method="post">{fields}</form>{hint}{_CANCEL}')


def choose(bank: str, owned: list[Account]) -> str:
    """Which account."""
    rows = "".join(
        f'<button class="two" name="account" value="{each.id}">{escape(each.name)} ··{each.mask}'
        f"<small>{each.subtype.capitalize()}</small></button>"
        for each in owned
    )
    intro = '<p class="m">PaYa may take money from this account, and send money to it, when you ask.</p>'
    return _page(f"Which account at {bank}?", f'{intro}<form method="post">{rows}</form>{_CANCEL}')


def over(uri: str) -> str:
    """Nothing more to do here; `uri` is escaped."""
    back = f'<p><a href="{uri}">Go back to where you came from</a></p>' if uri else ""
    return _page("This page is over", f'<p class="m">The session has ended. You can close this page.</p>{back}')
