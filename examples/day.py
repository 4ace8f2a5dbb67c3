"""Writes a day's trace for tree.yaml to standard output: visitors by day, a backup at night.

python3 examples/day.py > examples/day.csv
"""

import math

print("time,group,resource,demand")
for minute in range(0, 24 * 60, 10):
    time = f"{minute // 60:02}:{minute % 60:02}"
    # Few at four in the morning, most at two in the afternoon, and a crowd at half past twelve.
    visitors = (1 - math.cos(2 * math.pi * (minute - 240) / 1440)) / 2
    crowd = math.exp(-(((minute - 750) / 45) ** 2))
    print(f"{time},web/front,cpu,{0.2 + 1.2 * visitors + 1.6 * crowd:.2f}")
    print(f"{time},web/front,memory,{256 + 900 * visitors:.0f}M")
    print(f"{time},web/back,cpu,{0.1 + 1.0 * visitors + 0.8 * crowd:.2f}")
    print(f"{time},web/back,memory,{512 + 1700 * visitors:.0f}M")
    print(f"{time},database,cpu,{0.1 + 0.6 * visitors + 0.6 * crowd:.2f}")
    print(f"{time},database,memory,{1800 + 1300 * visitors:.0f}M")
    print(f"{time},database,io,{10 + 40 * visitors:.0f}%")
    at_night = 60 <= minute < 240
    print(f"{time},nightly,cpu,{3 if at_night else 0}")
    print(f"{time},nightly,memory,{'6G' if at_night else '64M'}")
    print(f"{time},nightly,io,{'100%' if at_night else '0%'}")
    print(f"{time},limited,cpu,{0.2 + 0.6 * visitors:.2f}")
