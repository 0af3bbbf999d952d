CREATE TABLE `used_proofs` (
	`public_key` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`public_key`, `at`)
);
--> statement-breakpoint
CREATE INDEX `used_proofs_at` ON `used_proofs` (`at`);