"""Proof that files from strangers, full disks and dying processes do no harm."""
