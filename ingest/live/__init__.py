"""Services of vendors, asked over the network: what they answer is kept raw, then loaded as any export."""
