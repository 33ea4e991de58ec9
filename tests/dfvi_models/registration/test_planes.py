import numpy as np

from dfvi_models.registration.planes import SURE_INLIERS, PlaneFinder
from dfvi_models.registration.views import look_at
from tests.dfvi_models.registration.scenes import HEIGHT, WIDTH, panning, standing_hole, textured


def finder(frames, holes):
    views = [look_at(frame, hole) for frame, hole in zip(frames, holes, strict=True)]
    return PlaneFinder(views.__getitem__)


def middle(lead):
    to = lead.homography @ [80, 60, 1]
    return to[:2] / to[2]


def test_one_plane_leads_both_ways():
    planes = finder(panning(5, (9, 2)), standing_hole(5))
    (there,), (back,) = planes.leads(0, 4), planes.leads(4, 0)
    np.testing.assert_allclose(middle(there), (80 - 36, 60 - 8), atol=0.2)
    np.testing.assert_allclose(middle(back), (80 + 36, 60 + 8), atol=0.2)
    assert there.matches >= SURE_INLIERS


def test_a_second_plane_around_the_hole_is_a_lead_of_its_own():
    far, near = panning(3, (4, 0)), textured(60, 200, seed=5)
    frames = far.copy()
    for t in range(3):
        frames[t, 30:90, 40:120] = near[:, 15 * t : 15 * t + 80]  # a wall in front, that passes faster
    leads = finder(frames, standing_hole(3, rows=slice(50, 66), columns=slice(70, 86))).leads(0, 2)
    assert {round(80 - middle(lead)[0]) for lead in leads} == {8, 30}


def test_frames_that_show_nothing_in_common_are_reached_through_those_between():
    frames = panning(7, (24, 0))
    leads = finder(frames, np.zeros((7, HEIGHT, WIDTH), bool)).leads(0, 6)  # 144 of 160 pixels apart
    np.testing.assert_allclose(middle(leads[0]), (80 - 144, 60), atol=2)
    assert leads[0].matches < SURE_INLIERS


def test_where_a_link_is_missing_there_is_no_lead():
    frames = panning(5, (24, 0))
    frames[2:] = textured(HEIGHT, WIDTH, seed=9)
    assert finder(frames, np.zeros((5, HEIGHT, WIDTH), bool)).leads(0, 4) == []
