import asyncio, sys, logging
logging.disable()
from tests.faults.simulation import *
from tests.faults import simulation
from tests.faults.evidence import _Topics
from penstock.contracts import topics
async def main():
    seed=int(sys.argv[1])
    r=await run_plan(seed, plan(seed)); print(r.violations)
    if not r.violations: return
    r=await shorten(r)
    print(r.violations, [f"{s.kind}:{s.number}" for s in r.steps])
    orig=simulation.ledger_of
    async def show(client):
        l=await orig(client)
        for n in ("operations","received","events","labels","rejected","predictions","outcomes"):
            print(n); [print("   ",x) for x in getattr(l,n)]
        print([g for g in _Topics(client.deployment).gaps])
        return l
    if len(sys.argv)>2:
        simulation.ledger_of=show
        await run_plan(seed, r.steps)
asyncio.run(main())
