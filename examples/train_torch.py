"""The recipe in PyTorch's own loop, on one device or under `torchrun`."""

import os

import torch
from recipe import taught
from torch import distributed, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import ghost_torch
from ghost_torch.synchronised import synchronised


def train(run):
    """Train to the end, from the last checkpoint on; the network is saved after every epoch."""
    recipe, rank, replicas = run.recipe, *_processes()
    run.check_devices(replicas)
    device = f"cuda:{rank % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe.seed)
    network = _network(recipe).to(device)
    if replicas > 1:
        network = synchronised(network) if device == "cpu" else (
            nn.SyncBatchNorm.convert_sync_batchnorm(network)
        )  # fmt: skip
    teacher = ghost_torch.from_file(recipe.teacher).eval().to(device) if recipe.teacher else None
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.average)) if (
        recipe.average
    ) else None  # fmt: skip
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.rate, weight_decay=recipe.weight_decay
    )
    total = recipe.epochs * run.steps
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule, "average": average}
    parts = {name: part for name, part in parts.items() if part is not None}
    if run.first_epoch:
        path = run.checkpoint(run.first_epoch, ".pt")
        for name, state in torch.load(path, map_location=device).items():
            parts[name].load_state_dict(state)
    trained = nn.parallel.DistributedDataParallel(network) if replicas > 1 else network
    loss_of = nn.CrossEntropyLoss()

    @torch.no_grad()
    def logits(x, network):
        network.eval()
        return network(_native(x, device)).float().cpu().numpy()

    for epoch in range(run.first_epoch, recipe.epochs):
        losses = torch.zeros((), device=device)
        for x, targets in run.batches(epoch, show=rank == 0):
            x, targets = x[rank::replicas], targets[rank::replicas]
            if teacher is not None:
                targets = taught(recipe, targets, logits(x, teacher))
            trained.train()
            with torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=recipe.mixed):
                loss = loss_of(trained(_native(x, device)), torch.as_tensor(targets, device=device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if average is not None:
                average.update_parameters(network)
            losses += loss.detach()
        if replicas > 1:
            distributed.all_reduce(losses)
        best = network if average is None else average.module
        if rank == 0:
            states = {name: part.state_dict() for name, part in parts.items()}
            torch.save(states, run.checkpoint(epoch + 1, ".pt"))
            ghost_torch.save_weights(best, run.folder / "network.safetensors", overwrite=True)
            mean = losses.item() / run.steps / replicas
            run.record(epoch, mean, lambda x, best=best: logits(x, best))
    if replicas > 1:
        distributed.destroy_process_group()


def _network(recipe):
    made = ghost_torch.weights_io.ARCHITECTURES[recipe.architecture](**recipe.arguments)
    if recipe.start:
        ghost_torch.load_weights(made, recipe.start)
    return made


def _native(x, device):
    return torch.as_tensor(x.transpose(0, 3, 1, 2).copy(), device=device)


def _processes():
    """The number of this process, and how many there are."""
    if "RANK" not in os.environ:
        return 0, 1
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return distributed.get_rank(), distributed.get_world_size()
