"""The commands, one file each; `penstock.console.__main__` lists them."""
