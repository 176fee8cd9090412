"""The Guide's numbers: a score worked out, how far to trust a map, and where the method fails."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from semsearch.models import catalog
from semsearch.ranking.projection import FEWEST
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results import experiments
from semsearch.results.experiments import Match
from ui import map_payload, resources, texts
from ui.choice import Choice
from ui.guide import facts as guide_facts
from ui.guide import panel as guide_panel

_MAP, _EMBEDDINGS = "umap2", "pages/embeddings.py"


def score(choice: Choice) -> None:
    """The published score of an ordinary query, added up match by match."""
    store, dataset = resources.store(), resources.dataset(choice.dataset)
    view = replace(choice, q=guide_facts.ordinary(choice))
    matches = experiments.matches(store, view.experiment, view.q, k=PUBLISHED_K)
    kind = texts.plain(dataset.classes[dataset.items[view.q].label])
    count = texts.counted(len(matches), "match")
    st.header("What the score means", anchor="score")
    st.markdown(
        f"Take an ordinary picture, one whose score is nearest to the mean. Its class is **{kind}**; a match is right "
        f"when it is of that class too. The score looks at the first {count} and gives the first one the "
        f"most weight, {texts.counted(len(matches), 'point')}, the next one point less, and so on. Add up the "
        "points of the right ones and divide by all points."
    )
    picture, table = st.columns([1, 3], gap="medium")
    with picture.container(width=300):
        guide_panel.query(view, key="guide_ordinary")
        guide_panel.link(view, "Open in Search")
    query_score = experiments.query_score(store, view.experiment, view.q, k=PUBLISHED_K)
    with table:
        st.markdown(_sum(matches, [texts.plain(dataset.classes[dataset.items[match.item].label]) for match in matches]))
        points = range(len(matches), 0, -1)
        earned = sum(point for point, match in zip(points, matches, strict=True) if match.correct)
        st.markdown(
            f"**{earned} of {texts.counted(sum(points), 'point')}: score {query_score.score:.1f}**, with "
            f"{query_score.hits} of {count} right."
        )
    mean = experiments.summary(store, view.experiment).score
    st.markdown(
        f"All right gives a hundred, none right gives zero. Random matches would score "
        f"{guide_facts.random_score(view):.1f}. Over all {texts.counted(mean.count, 'query')} this "
        f"configuration gets **{mean.mean:.1f}** ({100 * mean.level:.0f} % interval {mean.low:.1f} to {mean.high:.1f}: "
        "how far the mean would move with other queries). A difference much smaller than that interval may be chance."
    )


def _sum(matches: Sequence[Match], kinds: Sequence[str]) -> str:
    lines = ["| Rank | Class | Points |", "|---:|---|---:|"]
    for match, kind in zip(matches, kinds, strict=True):
        weight = len(matches) + 1 - match.rank
        lines.append(f"| {match.rank} | {kind} | {weight if match.correct else 0} of {weight} |")
    return "\n".join(lines)


def maps(view: Choice) -> None:
    """What the map shows, and how much of the neighbourhood it loses."""
    channels = catalog.model(view.model).layer(view.layer).channels
    st.header("What the map shows", anchor="map")
    st.markdown(
        "A map draws every picture as a point, so that pictures with near fingerprints lie near each other. But a "
        f"fingerprint here has {channels:,} channels and a sheet of paper has two directions, so information is lost. "
        "Read it so:\n\n"
        "- **Near points** are usually alike. **Groups** are usually pictures of one kind.\n"
        "- **Far points** are less alike, but distances between groups mean little; so do the sizes of groups and "
        "directions.\n"
        "- The ranking on the Search page never uses the map: it compares the whole fingerprints.\n\n"
        f"{_trust(view)}"
    )
    st.page_link(_EMBEDDINGS, label="Open the map", icon=":material/scatter_plot:", query_params=view.address())


def _trust(view: Choice) -> str:
    count = len(resources.queries(view.dataset))
    near = map_payload.neighbours(count)
    if not near:
        return "How far to trust it cannot be measured with so few pictures."
    trust = resources.store().map(view.dataset, view.experiment.spec, _MAP).trust
    name = "UMAP" if count >= FEWEST["umap"] else "principal components, because UMAP needs more pictures"
    return (
        f"How far to trust it is measured. On this map ({name}, `{view.layer}`), of the {near} nearest neighbours of "
        f"each picture **{100 * trust.overlap:.0f} %** are also its nearest on the map; of the example picture, "
        f"{guide_facts.kept_neighbours(view, _MAP)} of {near}. *Trustworthiness* (are neighbours on the map real "
        f"ones?) is {trust.trustworthiness:.2f} and *continuity* (are real neighbours together on the map?) is "
        f"{trust.continuity:.2f}, where one is perfect."
    )


def limits(view: Choice) -> None:
    """Where the method fails, first of all on the most confused pair of classes."""
    st.header("Where it fails", anchor="limits")
    _confusion(view)
    st.markdown(
        "- **It knows looks, not meaning.** Two things of one colour and shape are alike to it, whatever they are.\n"
        "- **The whole picture counts.** A shelf, a hand or a plate in the background is part of the fingerprint.\n"
        "- **It learnt from everyday photos.** Expect less of it on drawings, X-rays or satellite pictures.\n"
        "- **Small things get lost.** The picture is made small first, and pooling mixes all places.\n"
        "- **Right means: same class.** A match of another class can still be the best-looking one, and a wrong "
        "label counts against a good match.\n"
        "- **There is always a first match.** Even when nothing is alike; then its similarity is low."
    )


def _confusion(view: Choice) -> None:
    dataset, confused = resources.dataset(view.dataset), guide_facts.confused(view)
    if confused is None:
        lone = len(dataset.classes) == 1
        alone = "This dataset has a single class, which cannot be taken for another."
        st.markdown(alone if lone else "In this configuration no class is ever taken for another.")
        return
    kind, other = (texts.plain(dataset.classes[label]) for label in (confused.kind, confused.taken_for))
    count = guide_facts.ranks(view)
    near, verb = texts.counted(count, "match"), "is" if count == 1 else "are"
    st.markdown(
        f"In the sidebar's configuration the class most often taken for another is **{kind}**: of the first {near} "
        f"of its pictures, {100 * confused.share:.0f} % are **{other}** and {100 * confused.same_class:.0f} % are "
        f"{kind}. The worst case is picture {confused.worst}: {confused.count} of its first {near} {verb} {other}. "
        "Its first ones:"
    )
    worst = replace(view, q=confused.worst)
    guide_panel.panel(worst, f"{kind}, picture {confused.worst}", f"taken for {other}", key="guide_confused")
