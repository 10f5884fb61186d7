"""The command line: which commands there are; each loads its module only when it is called."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

from app.settings import BadSettings

BAD_SETTINGS_EXIT = 2

# Name: (module:attribute, what it does). The text stands here so that `--help` loads nothing.
LISTS = {
    "errors": ("app.commands.list_errors:errors", "Every error code, its status and meaning."),
    "settings": ("app.commands.lists:settings", "Every environment variable."),
    "metrics": ("app.commands.lists:metrics", "Every metric."),
    "close-codes": ("app.commands.lists:close_codes", "Every close code of a socket."),
}
USERS = {
    "create": ("app.commands.users:create", "Creates a user."),
    "change": (
        "app.commands.users:change",
        "Changes a role or tier, switches off or on, logs out.",
    ),
    "password": ("app.commands.users:password", "Sets a password."),
}
KEYS = {
    "create": ("app.commands.keys:create", "Makes an API key."),
    "list": ("app.commands.keys:list_keys", "Prints a user's API keys."),
    "revoke": ("app.commands.keys:revoke", "Ends an API key."),
    "rotate": ("app.commands.keys:rotate", "Makes the key that signs access tokens."),
}
TIERS = {
    "list": ("app.commands.tiers:list_tiers", "Prints how much each tier may."),
    "set": ("app.commands.tiers:set_tier", "Changes how much a tier may, within a second."),
}
POLLING = {
    "status": ("app.commands.polling:status", "How often everything is asked, and why."),
    "update": ("app.commands.polling:update", "Sets an interval by hand."),
}
IDENTITY = {
    "list": ("app.commands.identity:list_reviews", "Prints what is undecided."),
    "same": ("app.commands.identity:same", "Says which of ours a provider's match is."),
    "new": ("app.commands.identity:new", "Says that it is none of ours yet."),
    "dismiss": ("app.commands.identity:dismiss", "Says that it is never to be taken in."),
    "merge": ("app.commands.identity:merge", "Makes two matches, leagues or sides one."),
    "split": ("app.commands.identity:split", "Gives a provider's match one of its own."),
    "aliases": ("app.commands.identity:aliases", "Prints the names that were learnt."),
}
HISTORY = {
    "import": ("app.commands.history:import_files", "Takes in results of the past from files."),
    "shipped": ("app.commands.history:import_shipped", "Takes in the results that come along."),
    "list": ("app.commands.history:list_leagues", "Prints what is known, by league."),
}
PREDICTIONS = {
    "refit": ("app.commands.predictions:refit", "Fits the models to what is new."),
    "versions": ("app.commands.predictions:versions", "Prints every version that is kept."),
    "show": ("app.commands.predictions:show", "Prints a version, or what it says of a match."),
}
DEAD_LETTERS = {
    "list": ("app.commands.dead_letters:list_letters", "Prints letters, the newest first."),
    "show": ("app.commands.dead_letters:show", "Prints one letter whole."),
    "count": ("app.commands.dead_letters:count", "Counts letters by provider and code."),
    "replay": ("app.commands.dead_letters:replay", "Takes letters in again."),
}
COMMANDS = {
    "up": ("app.commands.up:up", "Runs everything: servers, API, worker."),
    "api": ("app.commands.api:api", "Runs one API process."),
    "worker": ("app.commands.worker:worker", "Runs one worker process."),
    "relay": ("app.commands.relay:relay", "Says every change to a cluster, for API processes."),
    "migrate": ("app.commands.migrate:migrate", "Brings the database to a revision."),
    "downgrade": ("app.commands.migrate:downgrade", "Takes the database back to a revision."),
    "migration": ("app.commands.migrate:migration", "Writes a migration from the models."),
    "prepare": ("app.commands.prepare:prepare", "Migrates and makes the demo users."),
    "healthy": ("app.commands.healthy:healthy", "Asks a running process whether it is well."),
    "sync": ("app.commands.sync:sync", "Asks the providers here and now."),
    "providers": ("app.commands.providers:providers", "Prints how each provider is."),
    "replay": ("app.commands.replay:replay", "Records what a provider says."),
    "evaluate": ("app.commands.evaluate:evaluate", "Proves the models on results of the past."),
    "stadium": ("app.commands.stadium:stadium", "Plays recordings as the providers would."),
}
WALLET = {
    "check": ("app.commands.wallet:check", "Proves the ledger."),
    "grant": ("app.commands.wallet:grant", "Gives a user money of the house."),
}


class BadCall(click.ClickException):
    """A setting is wrong: one line, exit code 2."""

    exit_code = BAD_SETTINGS_EXIT


class Commands(click.Group):
    """A group whose commands are loaded when they are called."""

    def __init__(self, places: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names in the order of the list."""
        return [*self.places, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of that name, loading its module."""
        if cmd_name not in self.places:
            return super().get_command(ctx, cmd_name)
        module, attribute = self.places[cmd_name][0].split(":")
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands from the texts here, loading none of them."""
        rows = [(name, text) for name, (_, text) in self.places.items()]
        for name in super().list_commands(ctx):
            command = super().get_command(ctx, name)
            rows.append((name, command.get_short_help_str() if command else ""))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; wrong settings become one line instead of a stack trace."""
        try:
            return super().invoke(ctx)
        except BadSettings as error:
            raise BadCall(str(error)) from error


main = Commands(COMMANDS, name="app", help="Touchline, a real-time sports-data backend.")
main.add_command(Commands(LISTS, name="list", help="Prints the catalogues of this program."))
main.add_command(
    Commands(IDENTITY, name="identity", help="Decides which matches of providers are which.")
)
main.add_command(
    Commands(HISTORY, name="history", help="Results of the past, for the models to learn from.")
)
main.add_command(
    Commands(PREDICTIONS, name="predictions", help="Fits the models, and asks any version of them.")
)
main.add_command(Commands(USERS, name="users", help="Creates and changes users."))
main.add_command(Commands(KEYS, name="keys", help="API keys, and keys that sign tokens."))
main.add_command(Commands(TIERS, name="tiers", help="How much callers may ask for."))
main.add_command(
    Commands(DEAD_LETTERS, name="dead-letters", help="Shows and replays what was not taken in.")
)
main.add_command(Commands(POLLING, name="polling", help="Shows and changes how often is polled."))
main.add_command(Commands(WALLET, name="wallet", help="Proves the ledger, gives play money."))


@main.group()
def settings() -> None:
    """Prints the settings in other forms."""


@settings.command()
def example() -> None:
    """Prints `.env.example`."""
    click.echo(importlib.import_module("app.commands.env_file").example(), nl=False)
