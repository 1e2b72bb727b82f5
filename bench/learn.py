"""Learn the shipped weights of evidence again from the shipped reference: ``python -m bench.learn``.

What it writes is data of the package. The file's version goes up when the figures change: memberships name it.
"""

from pathlib import Path

from headwater.campaigns.labels import shipped
from headwater.campaigns.links import learn, to_json

VERSION = "links/4"
DATA = Path(__file__).resolve().parent.parent / "headwater" / "campaigns" / "data"


def main() -> None:
    text = to_json(learn(shipped(), version=VERSION))
    DATA.joinpath("weights.json").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
