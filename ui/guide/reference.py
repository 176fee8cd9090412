"""The Guide's questions and answers, and the words of the field."""

from types import MappingProxyType

import streamlit as st

QUESTIONS = MappingProxyType(
    {
        "Are these real results?": "Yes. Each was computed with the model's real weights on the real pictures, and "
        "stored with a digest that is checked at every read. The numbers on this page are computed from that store "
        "while the page is drawn; none is typed.",
        "Why do two models disagree?": "They were built differently and trained differently, so they look for "
        "different patterns. None of them is right; the score says which agrees best with the labels of this dataset.",
        "Is the last layer always the best?": "Often for finding things of the same kind, as the table of depths shows "
        "for your model. For finding the same colours or textures an early layer is better.",
        "Which metric should I take?": "Cosine is a good start: it ignores how strong the answers are overall. The "
        "leaderboard of the Search page compares all of them on all queries.",
        "What is a good similarity?": "It says how often two pictures of this dataset that are so close are of "
        "one class, so it can be compared between models, layers and metrics, and is as often right as it says. Close "
        "is meant relative to the fifty nearest pictures. The ranking and the scores use the distance.",
        "Why is a match of another class marked as wrong when it looks so alike?": "Because the mark follows the "
        "labels, nothing else. Such matches show what the network finds alike; that is the point of looking.",
        "Does the network learn from what I click?": "No. It was trained once, before; nothing here changes it.",
        "How do I send what I see?": "Copy the address of the page: it holds the dataset, the model, the layer, the "
        "pooling, the metric and the query.",
        "Can I use my own pictures?": "Yes: a folder with one folder per class in it becomes a dataset. The README "
        "says how, under “Your own pictures”.",
    }
)
GLOSSARY = MappingProxyType(
    {
        "Activation": "The answer of a channel at one place: how strongly its pattern is there.",
        "Activation maximisation": "Making up a picture that excites one channel as much as possible, to see what "
        "it looks for.",
        "Average precision (AP)": "The precision at the rank of each right match, averaged: high when right matches "
        "come first.",
        "Channel": "One pattern detector of a layer. It answers with a grey picture.",
        "Distance": "How far two fingerprints are apart. Smaller is more alike; the ranking follows it.",
        "Features": "The list of numbers that a picture becomes, also called vector, embedding or fingerprint.",
        "Gallery": "The pictures that are searched.",
        "Index": "The features of the gallery, kept so that the nearest are found fast.",
        "k": "How many matches are looked at.",
        "Layer": "One step of a model. Early ones see small patches, late ones the whole picture.",
        "mAP": "Mean average precision: the average precision, averaged over all queries.",
        "Match": "A picture of the gallery that is near the query, with its rank and distance.",
        "Metric": "The rule by which a distance is computed from two lists of numbers.",
        "Model": "A network with the weights that it learnt in training.",
        "Pooling": "How the grey picture of a channel becomes one number: its mean, its strongest answer or between.",
        "Precision@k": "The share of the first k matches that are right.",
        "Projection": "Drawing fingerprints of many numbers on a map of two or three. UMAP, t-SNE and PCA do this.",
        "Query": "The picture that you search with.",
        "Recall@k": "The share of all right pictures of the gallery that are among the first k matches.",
        "Score": "The share of right matches among the first ones, where earlier ranks weigh more.",
    }
)


def questions() -> None:
    """Questions that visitors ask; each answer opens under its question."""
    st.header("Questions", anchor="questions")
    for question, answer in QUESTIONS.items():
        with st.expander(question):
            st.markdown(answer)


def glossary() -> None:
    """The words of the field, sorted."""
    st.header("Words", anchor="words")
    st.markdown("\n".join(f"- **{word}**: {meaning}" for word, meaning in GLOSSARY.items()))
