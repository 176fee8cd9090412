"""What is stored about the channels of a layer, made by hand."""

import numpy as np

from semsearch import images
from semsearch.explain import channels
from semsearch.explain.channels import Channels
from semsearch.explain.computing import sheet
from semsearch.explain.stimuli import STIMULI


def layer_of(count, shown=(0, 95, 191)):
    """Channel 95 answers to stripes, 191 to photos of one class; the picture of 95 excites it most beside photos."""
    responses = np.zeros((len(STIMULI), count), np.float32)
    for place, stimulus in enumerate(STIMULI):
        responses[place] = 10.0 * (stimulus.hue == 240)
        if count <= 191:
            continue
        responses[place, 95] = 10.0 * (stimulus.angle == 60 and stimulus.wavelength == 8)
        responses[place, 191] = 0.1 * (stimulus.angle == 0)
    pictures = [np.full((channels.SIDE, channels.SIDE, 3), 40 * place, np.uint8) for place in range(len(shown))]
    natural = np.full(count, 2, np.float32)
    return Channels(
        shown=np.array(shown, np.int32),
        sheet=np.frombuffer(images.webp(sheet(pictures)), np.uint8),
        activations=np.array([4, 9, 5][: len(shown)], np.float32),
        natural=natural,
        photos=np.tile(np.array([2, 0], np.uint16), (count, 1)),
        units=np.tile(np.array([[0, 0], [14, 27]], np.uint16), (count, 1, 1)),
        strengths=np.tile(np.array([10, 8], np.float32), (count, 1)),
        responses=responses,
    )
