"""Keep at most 200 lines of a training log.  python thin_log.py run/log.jsonl training-log.jsonl"""
import math
import sys


def main():
    lines = open(sys.argv[1]).read().splitlines()
    stride = max(1, math.ceil((len(lines) - 1) / 199))
    kept = lines[:-1][::stride] + lines[-1:]
    with open(sys.argv[2], "w") as f:
        f.write("\n".join(kept) + "\n")
    print(f"{len(kept)} of {len(lines)} lines")


if __name__ == "__main__":
    main()
