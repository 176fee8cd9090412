"""What is said of files of badimages beside their manifest."""

ACCEPTED = {
    "pngsuite/png/tm3n3p02.png": "The manifest was taken with warnings as errors, and Pillow warns when a palette "
    "picture with an alpha value per colour is converted straight to RGB. We convert it through RGBA and compose it on "
    "white, which loses nothing, so the picture is accepted.",
}
"""Files refused in the manifest that we accept, and why. There are none the other way round."""
