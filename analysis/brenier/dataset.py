"""Couplings for torch's DataLoader. Needs torch."""
from torch.utils.data import IterableDataset, get_worker_info

from .couplings import Couplings, share


class CouplingsDataset(IterableDataset):
    """An endless IterableDataset; each item is a batch (noise, code) of tensors [batch, d], so pass batch_size=None:

        loader = DataLoader(result.dataset(batch=512), batch_size=None, num_workers=2)

    Workers share the steps of their rank out, and the loader takes them in turn: it gives the same batches in the
    same order for any number of workers. Items lie on the CPU unless `device` was given, which needs num_workers=0.
    To go on after k batches, pass start=k to `Result.dataset`.
    """

    def __init__(self, couplings: Couplings):
        super().__init__()
        self.couplings = couplings
        couplings.device = couplings.device or "cpu"

    def __iter__(self):
        info = get_worker_info()
        return share(self.couplings, info.id if info else 0, info.num_workers if info else 1)
