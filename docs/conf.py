"""Configuration of the documentation site. It is built without a network: `make docs`, then docs/_build/html."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from site_build.pictures import make_pictures
from site_build.reference import write_reference

project = "DFVI"
author = "the authors of DFVI"
version = release = installed_version("dfvi")
extensions = ["myst_parser", "sphinx_design"]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "deploy/README.md"]
html_theme = "furo"
html_title = f"DFVI {release}"
html_static_path = ["site_build/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"sidebar_hide_name": False, "navigation_with_keys": True}
nitpicky = True
pygments_style = "friendly"
pygments_dark_style = "monokai"


def write_what_is_generated(app):
    """Write pages and pictures before Sphinx looks for files."""
    write_reference(Path(app.srcdir) / "reference")
    make_pictures(Path(app.srcdir) / "pictures")


def setup(app):
    """Called by Sphinx."""
    app.connect("builder-inited", write_what_is_generated)
