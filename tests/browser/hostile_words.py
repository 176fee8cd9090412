"""Two hundred texts that run a script wherever a page takes text for markup; all of them would set ``window.__xss``."""

_SCRIPT = "window.__xss=1"
_TAGS = ("img src=x onerror", "svg onload", "body onload", "video src=x onerror", "audio src=x onerror")
_TAGS += ("details open ontoggle", "input autofocus onfocus", "select autofocus onfocus", "marquee onstart")
_TAGS += ("iframe onload", "object data=x onerror", "style onload", "image src=x onerror", "video poster=x onerror")
_FRAMES = (
    "<{}>",
    '"><{}>',
    "'><{}>",
    "</title><{}>",
    "</script><{}>",
    "</textarea><{}>",
    "]]><{}>",
    "--><{}>",
    "`<{}>",
)
_WHOLE = (
    f"<script>{_SCRIPT}</script>",
    f"<ScRiPt>{_SCRIPT}</sCrIpT>",
    f"<script src=data:,{_SCRIPT}></script>",
    f"<a href=javascript:{_SCRIPT} autofocus>x</a>",
    f"[x](javascript:{_SCRIPT})",
    f"![x](x){{onerror={_SCRIPT}}}",
    f"javascript:{_SCRIPT}//",
    f"data:text/html,<script>parent.{_SCRIPT}</script>",
    f"{{{{constructor.constructor('{_SCRIPT}')()}}}}",
    f"${{{_SCRIPT}}}",
    f"$\\href{{javascript:{_SCRIPT}}}{{x}}$",
    f"<math><mtext><img src=x onerror={_SCRIPT}></mtext></math>",
    f"<svg><script>{_SCRIPT}</script></svg>",
    f"<svg><animate onbegin={_SCRIPT} attributeName=x dur=1s></svg>",
    f"<iframe srcdoc='<script>parent.{_SCRIPT}</script>'></iframe>",
    f"<template><img src=x onerror={_SCRIPT}></template>",
    f"<noscript><p title='</noscript><img src=x onerror={_SCRIPT}>'>",
    f"<meta http-equiv=refresh content='0;url=javascript:{_SCRIPT}'>",
    f"<base href=javascript:{_SCRIPT}//>",
    f"<form action=javascript:{_SCRIPT}><button autofocus>x</button></form>",
    f":material/x: <img src=x onerror={_SCRIPT}>",
    f"**<img src=x onerror={_SCRIPT}>**",
    f"`<img src=x onerror={_SCRIPT}>`",
    f"%3Cimg src=x onerror={_SCRIPT}%3E",
    f"&lt;img src=x onerror={_SCRIPT}&gt;",
    f"＜img src=x onerror={_SCRIPT}＞",
)
_BUILT = [frame.format(f"{tag}={_SCRIPT}") for tag in _TAGS for frame in _FRAMES]
_UPPER = [text.upper().replace(_SCRIPT.upper(), _SCRIPT) for text in _BUILT]
WORDS = tuple(dict.fromkeys([*_WHOLE, *_BUILT, *_UPPER]))[:200]
