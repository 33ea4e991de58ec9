"""Masks that users give: which pixels of a clip are holes.

Polarity: white is removed. A pixel's value is its brightest channel (times its alpha, if it has one), 0 to 255, and a
pixel whose value exceeds the threshold is a hole. Label maps carry object numbers, not brightness: every object counts,
dark red or not, whatever the threshold. Of an alpha channel, what is transparent is removed. `invert` swaps holes and
the rest in all cases.

Each kind of mask is one class below `source.MaskSource`; to add one, write its class and name it in one of
the two lists of `parsing.py`.
"""
