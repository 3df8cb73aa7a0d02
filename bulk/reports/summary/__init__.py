"""How a batch stands, summed up from figures: funnel, timeline, advice and narrative. No I/O."""
