"""GQA Lab: see, measure and choose how a language model shares its attention heads."""

from dashboard.shell.page import navigate

navigate().run()
