import asyncio, time, collections, logging, sys
logging.disable()
from tests.faults.simulation import *
from tests.faults.training import trained_models
trained_models()
async def main():
    tot=collections.Counter(); bad=collections.Counter()
    t=time.time(); cpu=time.process_time()
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        r=await run_plan(seed, plan(seed))
        tot+=r.counts
        if r.violations:
            for k,v in r.violations.items(): bad[k]+=1
            print(seed, {k:v[:2] for k,v in r.violations.items()})
    print(time.time()-t, time.process_time()-cpu, dict(tot), dict(bad))
asyncio.run(main())
