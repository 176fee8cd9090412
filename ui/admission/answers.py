"""What whoever is not let in is told: in words that need no script, no style sheet and no other request."""

from html import escape

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

AGAIN = 4
"""Seconds after which the page asks again by itself."""
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{again}"><meta name="color-scheme" content="light dark">
<title>semsearch is busy</title><style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: #fff; color: #12141d;
  font: 1rem/1.6 "Source Sans", "Source Sans Pro", system-ui, sans-serif; }}
main {{ box-sizing: border-box; max-width: 34rem; padding: 2rem 1.25rem; }}
h1 {{ margin: 0 0 .75rem; font-size: 1.75rem; line-height: 1.25; }}
p {{ margin: 0 0 .75rem; }}
a {{ color: #4338ca; }}
.bar {{ height: 4px; margin-top: 1.5rem; border-radius: 2px; background: #dfe1ea; overflow: hidden; }}
.bar i {{ display: block; width: 100%; height: 100%; background: #4f46c8; transform-origin: left;
  animation: wait {again}s linear both; }}
@keyframes wait {{ from {{ transform: scaleX(0); }} }}
@media (prefers-color-scheme: dark) {{ body {{ background: #12131a; color: #e8e9f1; }} a {{ color: #a5a8ff; }}
  .bar {{ background: #31344a; }} .bar i {{ background: #8b89ff; }} }}
@media (prefers-reduced-motion: reduce) {{ .bar {{ display: none; }} }}
</style></head><body><main>
<h1>Many visitors have come at once</h1>
<p>semsearch lets in a few at a time, so that it stays quick for those who are in. It is not broken.</p>
<p>This page tries again by itself every {again} seconds, and opens what you asked for.
You need not do anything; <a href="{here}">you can also try now</a>.</p>
<div class="bar"><i></i></div>
</main></body></html>
"""


def busy(here: str) -> Response:
    """A page that says that it is busy and asks for ``here``, a path with its query, again."""
    page = _PAGE.format(again=AGAIN, here=escape("/" + here.lstrip("/"), quote=True))
    return HTMLResponse(page, 503, {**_HEADERS, "Retry-After": str(AGAIN)})


def elsewhere(address: str) -> Response:
    """Send a browser on to an address of this server."""
    return RedirectResponse("/" + address.lstrip("/"), 307, _HEADERS)


def refused(status: int, message: str) -> Response:
    """A sentence."""
    return PlainTextResponse(f"{message}\n", status, _HEADERS)
