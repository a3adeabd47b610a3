"""Boxes, words and arrows of an SVG. The colours are readable on a white page and on a dark one; text stays text."""

GREY, BLUE, ORANGE, GREEN = "#737c87", "#2f6fd0", "#b35900", "#2a7d46"


def text(x, y, words, size=13, anchor="middle", fill=GREY, weight="normal"):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return (f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" '
            f'font-weight="{weight}">{words}</text>')


def box(x, y, width, height, fill="none", stroke=GREY):
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{fill}" stroke="{stroke}"/>'


def label(x, y, width, height, words, fill, size=13):
    """A filled box with white words in its middle."""
    return box(x, y, width, height, fill, fill) + "\n" + text(x + width / 2, y + height / 2 + 4.5, words, size, fill="#ffffff")


def arrow(x1, y1, x2, y2):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{GREY}" stroke-width="1.5" marker-end="url(#head)"/>'


def picture(width, height, title, parts):
    head = (f'<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{GREY}"/></marker>')
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" role="img">',
        f"<title>{title}</title>", f"<defs>{head}</defs>", *parts, "</svg>\n"])
