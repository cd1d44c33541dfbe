"""How a deployment is at this moment: asked of its processes, its broker and its disk, each within a time limit."""
