"""What vendors send us: verified, recorded, answered; the work is a job's."""
