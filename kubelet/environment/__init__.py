"""What a container finds around itself: variables, names and addresses, how names are resolved."""
