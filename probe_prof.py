import asyncio, cProfile, pstats, logging
logging.disable()
from tests.faults.simulation import *
from tests.faults.training import trained_models
trained_models()
async def main():
    for seed in range(1,12): await run_plan(seed, plan(seed))
pr=cProfile.Profile(); pr.enable(); asyncio.run(main()); pr.disable()
st=pstats.Stats(pr); st.sort_stats("cumulative").print_stats(60)
