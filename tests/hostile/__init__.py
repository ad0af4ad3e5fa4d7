"""Programs that try to get out of the Python environment, hurt it or hurt their neighbours, and what runs them.

python -m tests.hostile [PROGRAM...]    each program in each isolation that this machine offers, as root and as an ordinary user
python -m tests.hostile.soak            thousands of actions, hostile ones among them, many episodes at a time
"""
