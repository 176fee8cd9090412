"""What of a map is no finding: the shapes that UMAP makes of pictures which a layer cannot tell apart."""

from collections import Counter

import streamlit as st

from semsearch.maps import artefacts
from ui import resources, texts
from ui.choice import Choice
from ui.embeddings.choice import Look


def tell(choice: Choice, other: Choice | None, look: Look) -> None:
    """One sentence for each map that draws identical pictures as a shape."""
    if look.method != "umap":
        return
    for name, view in (("map A", choice), ("map B", other)) if other else (("this map", choice),):
        found = artefacts.shapes(resources.store(), choice.dataset, view.experiment.spec, look.kind) if view else []
        if not found:
            continue
        drawn = Counter(shape.kind for shape in found)
        many = texts.counted(sum(len(shape.items) for shape in found), "picture")
        shapes = " and ".join(f"a {kind}" if n == 1 else texts.counted(n, kind) for kind, n in sorted(drawn.items()))
        st.info(
            f"On {name}, {many} that this layer cannot tell apart form {shapes}: UMAP pushes identical pictures apart, "
            "so their places in it mean nothing.",
            icon=":material/info:",
        )
